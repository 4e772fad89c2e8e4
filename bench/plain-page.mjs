import PDFDocument from 'pdfkit';

/** What any program pays that prints a page with pdfkit and a font that it need not embed. */
export function plainPage() {
  return new Promise((resolve) => {
    const page = new PDFDocument({ size: 'A4' });
    page.on('data', () => undefined).on('end', resolve);
    page.fontSize(10);
    for (let line = 0; line < 20; line += 1) page.text(`Line ${line}, data transfer`, 50, 50 + line * 20).text('49.00');
    page.end();
  });
}

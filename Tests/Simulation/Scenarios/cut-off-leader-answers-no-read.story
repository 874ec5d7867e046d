0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node2
2.000 client1 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 candidates node2
3.000 one-way to node1
3.000 transfer to node2
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 7
3.100 client0 write r0 A
      committed to 8
      client0 writes r0: done
3.300 client1 read r0
      node1 leads no more
6.000 heal
      client1 reads r0: A
       the faults stop for node1 node2 node3
       committed to 12
       held
